// Counts what is as it must be, and says so: a line for each sentence, and how many there were.

let passed = 0;
let failed = 0;

export const check = (sentence, test) => {
  try {
    test();
    passed += 1;
    console.log(`ok   ${sentence}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${sentence}\n     ${error.message}`);
  }
};

export const close = () => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
};
