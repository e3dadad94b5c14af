#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/fields.h"
#include "lib/config/reader.h"
#include "lib/config/units.h"

// Structs with every kind of value, for the tests of reader, writer and descriptions.
namespace llmtrain {

enum class Colour { kRed, kGreen, kBlue };
template <>
struct EnumTable<Colour> {
  static constexpr std::array<std::pair<Colour, std::string_view>, 3> names = {
      {{Colour::kRed, "red"}, {Colour::kGreen, "green"}, {Colour::kBlue, "blue"}}};
};

struct Wheel {
  std::string name;
  double weight = 1.0;
  std::vector<std::int64_t> spokes;
  bool operator==(const Wheel&) const = default;
};

template <class Visitor>
void fields(Wheel& c, Visitor&& visit) {
  visit("name", c.name, "Name of the wheel.", required);
  visit("weight", c.weight, "Weight of the wheel.", positive);
  visit("spokes", c.spokes, "Lengths of the spokes.", positive);
}

struct Motor {
  std::int64_t power = 100;
  std::optional<double> torque;
  bool operator==(const Motor&) const = default;
};

template <class Visitor>
void fields(Motor& c, Visitor&& visit) {
  visit("power", c.power, "Power of the motor.", between(1, 1000));
  visit("torque", c.torque, "Torque of the motor.", positive);
}

inline void check(const Motor& c, Contradictions& out) {
  if (c.torque && *c.torque > static_cast<double>(c.power)) out.add("torque", "more torque than power");
}

struct Car {
  std::string name = "car";
  std::int64_t doors = 4;
  double price = 3e-4;
  bool sold = false;
  Bytes luggage = {.value = 1 << 20};
  Duration warranty = {.seconds = 3600};
  Colour colour = Colour::kGreen;
  std::optional<std::string> owner;
  std::optional<Motor> motor;
  std::optional<Duration> rest;
  std::vector<Wheel> wheels;
  std::vector<std::string> labels = {"new"};
  std::vector<Colour> stripes;
  AutoCount seats;
  bool operator==(const Car&) const = default;
};

template <class Visitor>
void fields(Car& c, Visitor&& visit) {
  visit("name", c.name, "Name of the car.", plain_name);
  visit("doors", c.doors, "Number of doors.", at_least(1));
  visit("price", c.price, "Price of the car.", non_negative);
  visit("sold", c.sold, "Whether it is sold.");
  visit("luggage", c.luggage, "Room for luggage.", positive);
  visit("warranty", c.warranty, "How long it must run.", positive);
  visit("colour", c.colour, "Its colour.");
  visit("owner", c.owner, "Who has it.", not_empty);
  visit("motor", c.motor, "What drives it.");
  visit("rest", c.rest, "How long it stands.");
  visit("wheels", c.wheels, "What it stands on.");
  visit("labels", c.labels, "What is written on it.");
  visit("stripes", c.stripes, "Colours of its stripes.");
  visit("seats", c.seats, "Number of seats.", between(1, 9));
}

inline void check(const Car& c, Contradictions& out) {
  if (c.sold && !c.owner) out.add("", "'sold' needs an 'owner'");
}

inline Car read_car(const std::string& text, const ReadOptions& options = {}) {
  Car car;
  read_config({.name = "car.yaml", .text = text}, car, options);
  return car;
}

}  // namespace llmtrain
