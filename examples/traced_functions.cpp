// Functions that trace themselves: named after themselves, their arguments as input, their result as output.

#include <braintrust/braintrust.h>

#include <iostream>
#include <string>
#include <vector>

#include "support/offline.h"

// [traced function]
std::string fetch_user(const std::string& user_id) {
  TRACED(user_id);  // a span "fetch_user" with the input {"user_id": …}
  std::string name = user_id == "u1" ? "Ada" : "somebody";
  return TRACED_OUTPUT(name);  // its output; evaluates to `name`
}
// [traced function end]

// [own type]
struct Order {
  int number = 0;
  double total = 0;
};

// A type of yours as JSON: a function beside it.
braintrust::Json to_json(const Order& order) { return {{"number", order.number}, {"total", order.total}}; }

std::vector<Order> fetch_orders(const std::string& user_id, int most) {
  TRACED(user_id, most);
  std::vector<Order> orders = {{.number = 17, .total = 12.5}, {.number = 18, .total = 99}};
  return TRACED_OUTPUT(orders);
}
// [own type end]

std::string summary(const std::string& user_id) {
  TRACED(user_id);
  const std::string name = fetch_user(user_id);
  const auto orders = fetch_orders(user_id, 10);
  return TRACED_OUTPUT(name + " has " + std::to_string(orders.size()) + " orders");
}

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "My Project (C++)"});

  // [wrapped callable]
  auto add = braintrust::traced("add", [](int a, int b) { return a + b; });
  std::cout << add(2, 3) << '\n';
  // [wrapped callable end]

  std::cout << summary("u1") << '\n';
}
