# For folders of many programs that nobody installs: links them with a faster linker where there is one, and the compiler knows
# it. One that the caller chose stays.
if(NOT CMAKE_LINKER_TYPE AND NOT "${CMAKE_CXX_FLAGS} ${CMAKE_EXE_LINKER_FLAGS}" MATCHES "-fuse-ld")
  include(CheckLinkerFlag)
  foreach(linker lld mold)
    check_linker_flag(CXX -fuse-ld=${linker} BRAINTRUST_CAN_LINK_WITH_${linker})
    if(BRAINTRUST_CAN_LINK_WITH_${linker})
      add_link_options(-fuse-ld=${linker})
      break()
    endif()
  endforeach()
endif()
