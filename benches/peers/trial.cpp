// ANGEL-REBOOT patient by patient in C++, for peers.R to compile with Rcpp::sourceCpp.
//
// The C++ counterpart of benches/bare_loop, with R's own random numbers and the parameters of
// peers.R. Arms are 0 (control) and 1 (experimental).

#include <Rcpp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace {

constexpr int kPatients = 348;
constexpr int kLooks = 3;
constexpr int kOutcomes[kLooks] = {104, 208, 312};
constexpr double kBounds[kLooks] = {3.7103, 2.5114, 1.9930};
constexpr int kFactors = 3;
constexpr double kSecondLevel[kFactors] = {0.48, 0.32, 0.21};
constexpr double kPerDay = 22.39 / 30.4375;
constexpr double kDropout = 0.10;

int sign(int x) { return (x > 0) - (x < 0); }

// Minimisation by the range with equal weights. For two arms, only the signs of the differences
// decide which arm leaves the smaller sum of ranges.
class Minimisation {
 public:
  int assign(const std::array<int, kFactors>& levels) {
    int sum = 0;
    for (int f = 0; f < kFactors; ++f) sum += sign(lean_[f][levels[f]]);
    const int arm = unif_rand() < 0.5 + 0.3 * sign(sum);
    for (int f = 0; f < kFactors; ++f) lean_[f][levels[f]] += 1 - 2 * arm;
    return arm;
  }

 private:
  int lean_[kFactors][2] = {};  // control less experimental
};

struct Trial {
  std::array<double, kPatients> day;  // on which the outcome is known; infinite for a dropout
  std::array<int, kPatients> arm;
  std::array<int, kPatients> category;
};

// The first category whose cumulative probability exceeds a uniform number.
int draw_category(const Rcpp::NumericMatrix& cumulative, int arm) {
  const double u = unif_rand();
  int category = 0;
  while (category < cumulative.ncol() && u >= cumulative(arm, category)) ++category;
  return category;
}

// `cumulative` has a row per arm and a column per category but the last.
void draw(const Rcpp::NumericMatrix& cumulative, Trial& trial) {
  Minimisation minimisation;
  double day = 0;
  for (int i = 0; i < kPatients; ++i) {
    day += exp_rand() / kPerDay;
    std::array<int, kFactors> levels;
    for (int f = 0; f < kFactors; ++f) levels[f] = unif_rand() < kSecondLevel[f];
    trial.arm[i] = minimisation.assign(levels);
    const bool dropped = unif_rand() < kDropout;
    const double known = day + 76 + 28 * unif_rand();
    trial.day[i] = dropped ? std::numeric_limits<double>::infinity() : known;
    trial.category[i] = draw_category(cumulative, trial.arm[i]);
  }
}

// The day of a look. The last look includes all patients with an outcome.
double day_of_look(const Trial& trial, int look) {
  if (look == kLooks - 1) return std::numeric_limits<double>::max();
  std::array<double, kPatients> days = trial.day;
  const auto nth = days.begin() + kOutcomes[look] - 1;
  std::nth_element(days.begin(), nth, days.end());
  return *nth;
}

double z_proportions(const Trial& trial, double by) {
  double n[2] = {}, x[2] = {};
  for (int i = 0; i < kPatients; ++i) {
    const int seen = trial.day[i] <= by;
    n[trial.arm[i]] += seen;
    x[trial.arm[i]] += seen & (trial.category[i] == 0);
  }
  const double pooled = (x[0] + x[1]) / (n[0] + n[1]);
  return (x[1] / n[1] - x[0] / n[0]) / std::sqrt(pooled * (1 - pooled) * (1 / n[0] + 1 / n[1]));
}

bool rejects(const Trial& trial) {
  for (int look = 0; look < kLooks; ++look)
    if (z_proportions(trial, day_of_look(trial, look)) >= kBounds[look]) return true;
  return false;
}

}  // namespace

// Simulates whole trials with two categories, the first being success, and counts rejections.
// [[Rcpp::export]]
int count_rejections(int trials, Rcpp::NumericMatrix cumulative) {
  Trial trial;
  int rejections = 0;
  for (int i = 0; i < trials; ++i) {
    draw(cumulative, trial);
    rejections += rejects(trial);
  }
  return rejections;
}

// The patients of one trial, for statistical tests in R.
// [[Rcpp::export]]
Rcpp::List draw_patients(Rcpp::NumericMatrix cumulative) {
  Trial trial;
  draw(cumulative, trial);
  return Rcpp::List::create(Rcpp::Named("day") = trial.day, Rcpp::Named("arm") = trial.arm,
                            Rcpp::Named("mrs") = trial.category);
}

// Arms of patients whose levels, 0 or 1, are the rows of `levels`.
// [[Rcpp::export]]
Rcpp::IntegerVector minimise(Rcpp::IntegerMatrix levels) {
  Minimisation minimisation;
  Rcpp::IntegerVector arms(levels.nrow());
  for (int i = 0; i < levels.nrow(); ++i)
    arms[i] = minimisation.assign({levels(i, 0), levels(i, 1), levels(i, 2)});
  return arms;
}
