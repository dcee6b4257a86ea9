#!/usr/bin/env Rscript
# Time of one simulated trial of ANGEL-REBOOT in R packages, in R by hand and in rescuesim.
#
#   Rscript benches/peers/peers.R [path/to/rescuesim]
#
# Everything runs on one core, one row after another, for two to three minutes. On Debian: apt-get
# install r-base-core g++ make r-cran-rpact r-cran-rcpp r-cran-mass r-cran-ordinal r-cran-rms. Rows of
# packages that are not installed are omitted. The trial is that of scenarios/angel-reboot.toml; the
# power of a row shows whether it simulates the same trial.

REPEATS <- 5
REPLICATES <- 2e5 # per repeat of rescuesim
PATIENTS <- 348
LOOKS <- c(104, 208, 312)
BOUNDS <- c(3.7103, 2.5114, 1.9930)
RATES <- c(control = 0.25, experimental = 0.40)
SECOND_LEVEL <- c(0.48, 0.32, 0.21)
PER_DAY <- 22.39 / 30.4375
DROPOUT <- 0.10
CONTROL_MRS <- c(4.7, 7.4, 12.9, 16, 24.9, 14.1, 20) / 100

# Cumulative probabilities of the mRS by arm: one odds ratio at every cut, mRS 0-2 as in RATES.
mrs_by_arm <- function() {
  control <- cumsum(CONTROL_MRS)[1:6]
  log_odds_ratio <- diff(qlogis(RATES))
  rbind(control, plogis(qlogis(control) + log_odds_ratio))
}

# Experimental less control, pooled variance. NaN if all or none succeed, and then H0 is not rejected.
z_proportions <- function(x_c, n_c, x_e, n_e) {
  pooled <- (x_c + x_e) / (n_c + n_e)
  (x_e / n_e - x_c / n_c) / sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_e))
}

reaches <- function(z, bound) !is.na(z) & z >= bound

# ---- Without patients ----------------------------------------------------------------------------

counts_by_rbinom <- function(trials) {
  per_arm <- LOOKS / 2
  x_c <- x_e <- numeric(trials)
  rejected <- logical(trials)
  for (look in seq_along(LOOKS)) {
    new <- diff(c(0, per_arm))[look]
    x_c <- x_c + rbinom(trials, new, RATES[["control"]])
    x_e <- x_e + rbinom(trials, new, RATES[["experimental"]])
    z <- z_proportions(x_c, per_arm[look], x_e, per_arm[look])
    rejected <- rejected | reaches(z, BOUNDS[look])
  }
  sum(rejected)
}

counts_by_rpact <- function(trials) {
  design <- rpact::getDesignGroupSequential(
    alpha = 0.025, sided = 1, informationRates = LOOKS / max(LOOKS), typeOfDesign = "asOF"
  )
  result <- rpact::getSimulationRates(
    design,
    groups = 2, pi1 = RATES[["experimental"]], pi2 = RATES[["control"]],
    plannedSubjects = LOOKS, maxNumberOfIterations = trials,
    seed = sample.int(.Machine$integer.max, 1)
  )
  round(result$overallReject * trials)
}

# Exact power for the rows without patients: counts of 156 per arm, look by look.
exact_power <- function() {
  alive <- matrix(1) # P(successes of control, of experimental, not yet rejected)
  power <- 0
  for (look in seq_along(LOOKS)) {
    size <- LOOKS[look] / 2
    before <- nrow(alive) - 1
    new <- outer(0:size, 0:before, `-`)
    step <- lapply(RATES, function(rate) array(dbinom(new, size - before, rate), dim(new)))
    alive <- step$control %*% alive %*% t(step$experimental)
    z <- outer(0:size, 0:size, function(x_c, x_e) z_proportions(x_c, size, x_e, size))
    stops <- reaches(z, BOUNDS[look])
    power <- power + sum(alive[stops])
    alive[stops] <- 0
  }
  power
}

# ---- Patient by patient --------------------------------------------------------------------------

draw_levels <- function() {
  second <- runif(3 * PATIENTS) < rep(SECOND_LEVEL, each = PATIENTS)
  matrix(as.integer(second), PATIENTS)
}

# Range and equal weights: with two arms, only the signs of the differences matter. Factor by factor, as
# R is four times as fast with single numbers as with vectors of three.
minimise_in_r <- function(levels) {
  first <- levels[, 1] + 1L
  second <- levels[, 2] + 3L
  third <- levels[, 3] + 5L
  coin <- runif(PATIENTS)
  lean <- integer(6) # control less experimental, by level
  arms <- integer(PATIENTS)
  for (i in seq_len(PATIENTS)) {
    f <- first[i]
    s <- second[i]
    t <- third[i]
    signs <- sign(lean[f]) + sign(lean[s]) + sign(lean[t])
    arm <- as.integer(coin[i] < 0.5 + 0.3 * sign(signs))
    step <- 1L - 2L * arm
    lean[f] <- lean[f] + step
    lean[s] <- lean[s] + step
    lean[t] <- lean[t] + step
    arms[i] <- arm
  }
  arms
}

# Everything except minimisation, vectorised over the patients of one trial.
rejects <- function(arms) {
  known <- cumsum(rexp(PATIENTS, PER_DAY)) + runif(PATIENTS, 76, 104)
  known[runif(PATIENTS) < DROPOUT] <- Inf
  success <- runif(PATIENTS) < RATES[arms + 1]
  days <- sort(known, partial = LOOKS[1:2])[LOOKS[1:2]]
  # The last look includes all patients with an outcome.
  days <- c(days, .Machine$double.xmax)
  for (look in seq_along(LOOKS)) {
    seen <- known <= days[look]
    n <- sum(seen)
    n_e <- sum(arms[seen])
    x <- sum(success[seen])
    x_e <- sum(success[seen & arms == 1])
    if (reaches(z_proportions(x - x_e, n - n_e, x_e, n_e), BOUNDS[look])) return(TRUE)
  }
  FALSE
}

trials_in_r <- function(minimise) {
  function(trials) sum(replicate(trials, rejects(minimise(draw_levels()))))
}

# Minimises many trials together, as R is fast only with vectors. A column per trial.
minimise_vectorised <- function(trials) {
  lean <- numeric(6 * trials)
  arms <- matrix(0L, PATIENTS, trials)
  for (i in seq_len(PATIENTS)) {
    cells <- lapply(1:3, function(f) {
      second <- runif(trials) < SECOND_LEVEL[f]
      (2 * (f - 1) + second) * trials + seq_len(trials)
    })
    signs <- Reduce(`+`, lapply(cells, function(cell) sign(lean[cell])))
    arm <- runif(trials) < 0.5 + 0.3 * sign(signs)
    for (cell in cells) lean[cell] <- lean[cell] + (1 - 2 * arm)
    arms[i, ] <- arm
  }
  arms
}

block_vectorised <- function(trials) {
  arms <- minimise_vectorised(trials)
  n <- length(arms)
  known <- apply(matrix(rexp(n, PER_DAY), PATIENTS), 2, cumsum) + runif(n, 76, 104)
  known[runif(n) < DROPOUT] <- Inf
  success <- runif(n) < RATES[arms + 1]
  # Within each trial in the order in which outcomes become known, dropouts last.
  order <- order(col(known), known, method = "radix")
  n_c <- arms == 0 & is.finite(known)
  n_e <- arms == 1 & is.finite(known)
  tables <- list(x_c = n_c & success, n_c = n_c, x_e = n_e & success, n_e = n_e)
  tables <- lapply(tables, function(x) matrix(x[order], PATIENTS))
  rejected <- logical(trials)
  rows <- c(LOOKS[1:2], PATIENTS)
  for (look in seq_along(LOOKS)) {
    counts <- lapply(tables, function(x) colSums(x[seq_len(rows[look]), , drop = FALSE]))
    rejected <- rejected | reaches(do.call(z_proportions, counts), BOUNDS[look])
  }
  sum(rejected)
}

# Blocks of 1000 keep the matrices small enough for the cache.
trials_vectorised <- function(trials) {
  blocks <- c(rep(1000, trials %/% 1000), trials %% 1000)
  sum(vapply(blocks[blocks > 0], block_vectorised, 0L))
}

# carat draws the factors and minimises all trials in one call. It compares sums of squares where
# the trial compares ranges, as it has no minimisation by the range.
trials_with_carat <- function(trials) {
  levels <- as.vector(rbind(1 - SECOND_LEVEL, SECOND_LEVEL))
  randomised <- carat::evalRand.sim(
    n = PATIENTS, N = trials, Replace = TRUE, cov_num = 3, level_num = c(2, 2, 2), pr = levels,
    method = "PocSimMIN", weight = rep(1 / 3, 3), p = 0.8
  )
  sum(apply(randomised$Assig - 1, 2, rejects))
}

trials_in_cpp <- function(trials) count_rejections(trials, cbind(RATES))

# ---- A proportional-odds fit at every look -------------------------------------------------------

# Wald statistics, positive if the experimental arm has the lower mRS. lrm.fit is the fit alone,
# without formula and model frame.
wald <- function(fit, covariance = vcov(fit)) {
  -fit$coefficients[["arm"]] / sqrt(covariance["arm", "arm"])
}
fit_polr <- function(d) wald(MASS::polr(factor(mrs) ~ arm, d, Hess = TRUE))
fit_clm <- function(d) wald(ordinal::clm(factor(mrs) ~ arm, data = d))
fit_orm <- function(d) wald(fit <- rms::orm(mrs ~ arm, d), fit$var)
fit_lrm <- function(d) wald(fit <- rms::lrm(mrs ~ arm, d), fit$var)
fit_lrm_fit <- function(d) wald(fit <- rms::lrm.fit(cbind(arm = d$arm), d$mrs), fit$var)

# A failed fit does not reject, and is counted.
failed_fits <- 0
or_failure <- function(fit) {
  tryCatch(suppressWarnings(fit), error = function(e) {
    failed_fits <<- failed_fits + 1
    NA
  })
}

trials_by_fits <- function(fit) {
  mrs <- mrs_by_arm()
  one <- function() {
    patients <- draw_patients(mrs)
    order <- order(patients$day)
    order <- order[is.finite(patients$day[order])]
    d <- data.frame(arm = patients$arm[order], mrs = patients$mrs[order])
    rows <- c(LOOKS[1:2], nrow(d))
    for (look in seq_along(LOOKS)) {
      z <- or_failure(fit(d[seq_len(rows[look]), ]))
      if (reaches(z, BOUNDS[look])) return(TRUE)
    }
    FALSE
  }
  function(trials) sum(replicate(trials, one()))
}

# ---- rescuesim -----------------------------------------------------------------------------------

# One whole process, including its start and its output. Each repeat has a different seed.
trials_in_rescuesim <- function(analysis) {
  function(replicates) {
    seed <- sample.int(.Machine$integer.max, 1)
    json <- system2(rescuesim, c(
      "run", shQuote(scenario), "--set", shQuote(sprintf("analyses=[{%s}]", analysis)),
      "--replicates", format(replicates, scientific = FALSE), "--seed", seed,
      "--threads", 1, "--quiet", "--format", "json"
    ), stdout = TRUE)
    if (!is.null(attr(json, "status"))) stop("rescuesim failed")
    with_effect <- sub('.*?"truth": *"alternative"', "", paste(json, collapse = " "), perl = TRUE)
    power <- sub('.*?"rejection": *\\{ *"value": *([0-9.e-]+).*', "\\1", with_effect, perl = TRUE)
    round(as.numeric(power) * replicates)
  }
}

# ---- Rows ----------------------------------------------------------------------------------------

# Groups of rows that simulate the same thing, so that their powers should agree.
SIMULATED <- c(
  counts = "counts at the looks, no patients",
  proportions = "patients, two proportions",
  shift = "patients, proportional odds"
)

# `trials` is the number per repeat; `truths` the number of trials that each of them contains.
peer <- function(what, group, needs, trials, run, truths = 1) {
  list(what = what, group = group, needs = needs, trials = trials, run = run, truths = truths)
}

by_fits <- function(what, package, trials, fit) {
  peer(paste("Rcpp,", what), "shift", c("Rcpp", package), trials, trials_by_fits(fit))
}

by_rescuesim <- function(group, analysis) {
  peer("rescuesim", group, "rescuesim", REPLICATES, trials_in_rescuesim(analysis), truths = 2)
}

# minimise() is wrapped in a function, as it exists only after trial.cpp is compiled.
peers <- list(
  peer("R, rbinom, all trials at once", "counts", NULL, 5e5, counts_by_rbinom),
  peer("rpact, getSimulationRates", "counts", "rpact", 2e4, counts_by_rpact),
  peer("R by hand", "proportions", NULL, 2000, trials_in_r(minimise_in_r)),
  peer("R by hand, 1000 trials vectorised", "proportions", NULL, 5000, trials_vectorised),
  peer("R, minimisation by carat", "proportions", "carat", 1000, trials_with_carat),
  peer("R, minimisation in Rcpp", "proportions", "Rcpp", 4000, trials_in_r(\(x) minimise(x))),
  peer("Rcpp by hand", "proportions", "Rcpp", 3e4, trials_in_cpp),
  by_rescuesim("proportions", 'method="two_proportions"'),
  by_fits("MASS::polr", "MASS", 100, fit_polr),
  by_fits("ordinal::clm", "ordinal", 100, fit_clm),
  by_fits("rms::orm", "rms", 100, fit_orm),
  by_fits("rms::lrm", "rms", 200, fit_lrm),
  by_fits("rms::lrm.fit", "rms", 400, fit_lrm_fit),
  by_rescuesim("shift", 'method="proportional_odds",test="wald",name="shift"')
)

# ---- Measure and print ---------------------------------------------------------------------------

is_there <- function(need) {
  switch(need,
    rescuesim = file.exists(rescuesim),
    Rcpp = compiled,
    suppressWarnings(requireNamespace(need, quietly = TRUE))
  )
}

source_of <- function(need) {
  switch(need,
    rescuesim = "cargo build --release",
    Rcpp = "Debian: r-cran-rcpp, g++, make",
    carat = "CRAN, not in Debian",
    paste0("Debian: r-cran-", tolower(need))
  )
}

measure <- function(peer) {
  message(peer$what, ", ", peer$group)
  set.seed(20211219)
  peer$run(ceiling(peer$trials / 10)) # warm-up: byte compiler, caches, lazy loading
  rejections <- seconds <- numeric(REPEATS)
  for (i in seq_len(REPEATS)) {
    seconds[i] <- system.time(rejections[i] <- peer$run(peer$trials))[["elapsed"]]
  }
  n <- REPEATS * peer$trials
  power <- sum(rejections) / n
  list(
    what = peer$what, group = peer$group, micros = seconds / (peer$trials * peer$truths) * 1e6,
    power = power, error = sqrt(power * (1 - power) / n)
  )
}

# Powers agree if they differ by at most three Monte Carlo errors.
agreement <- function(row, rows) {
  same <- Filter(function(other) other$group == row$group && other$what == "rescuesim", rows)
  if (row$group == "counts") same <- list(list(power = exact_power(), error = 0))
  if (row$what == "rescuesim" || length(same) == 0) return("")
  errors <- sqrt(row$error^2 + same[[1]]$error^2)
  if (abs(row$power - same[[1]]$power) <= 3 * errors) "yes" else "NO"
}

rounded <- function(x) format(signif(x, 3), big.mark = " ", scientific = FALSE)

print_table <- function(rows) {
  cat("| what | what is simulated | µs per trial, median | range | power | agrees |\n")
  cat("|---|---|---|---|---|---|\n")
  for (row in rows) {
    cat(sprintf(
      "| %s | %s | %s | %s–%s | %.4f ± %.4f | %s |\n", row$what, SIMULATED[[row$group]],
      rounded(median(row$micros)), rounded(min(row$micros)), rounded(max(row$micros)),
      row$power, row$error, agreement(row, rows)
    ))
  }
}

version_of <- function(need) {
  if (need == "rescuesim") return(system2(rescuesim, "--version", stdout = TRUE))
  paste(need, packageDescription(need, fields = "Version"))
}

NOTES <- "
Patients: arrival, three factors, minimisation, dropout, outcome and the day it is known; looks at
104, 208 and all outcomes. Trials in R and Rcpp are simulated under H1 and end when they reject H0; their
random numbers are R's. Each row has %d repeats on one core, after a warm-up.
Agrees: within three Monte Carlo errors of rescuesim; for counts, of the exact power, %.4f.
rescuesim is timed as a whole process of %s replicates, with start, estimates, balance and
output. A replicate draws its patients once and their outcomes under H1 and H0:
two trials that share that work, so a replicate takes twice the time in the table.
carat has no minimisation by the range; it compares sums of squares.
"

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
here <- dirname(normalizePath(script))
root <- dirname(dirname(here))
scenario <- file.path(root, "scenarios", "angel-reboot.toml")
given <- commandArgs(trailingOnly = TRUE)
rescuesim <- if (length(given)) given[1] else file.path(root, "target", "release", "rescuesim")

compiled <- requireNamespace("Rcpp", quietly = TRUE) &&
  !inherits(try(Rcpp::sourceCpp(file.path(here, "trial.cpp"))), "try-error")
needs <- unique(unlist(lapply(peers, `[[`, "needs")))
there <- vapply(needs, is_there, NA)
rows <- lapply(Filter(function(peer) all(there[peer$needs]), peers), measure)

print_table(rows)
cat(sprintf(NOTES, REPEATS, exact_power(), rounded(REPLICATES)))
if (there[["rescuesim"]]) {
  start <- system.time(trials_in_rescuesim('method="two_proportions"')(1))[["elapsed"]]
  cat("Start and output of each process of rescuesim take", start, "s.\n")
}
if (failed_fits > 0) cat(failed_fits, "fits failed and count as no rejection.\n")
for (need in needs[!there]) cat("Omitted: ", need, " (", source_of(need), ").\n", sep = "")
versions <- vapply(needs[there], version_of, "")
cat("\n", paste(c(R.version.string, versions), collapse = ", "), "\n", sep = "")
