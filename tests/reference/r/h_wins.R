# Stratified, utility and t reference values on the patients of ordinal_data.csv. Strata are x1 × x2 × x3.
# Signs are turned so that above 0 the experimental arm (trt = 1) does better.
suppressPackageStartupMessages(library(coin))
d <- read.csv("ordinal_data.csv"); u <- c(1, .91, .76, .65, .33, 0, 0); rows <- list()
put <- function(dataset, model, quantity, value, source)
  rows[[length(rows) + 1]] <<- data.frame(dataset, model, quantity, value = sprintf("%.15g", value), source)
for (nm in unique(d$dataset)) { D <- d[d$dataset == nm, ]; D$s <- interaction(D$x1, D$x2, D$x3, drop = TRUE)
  D$t <- factor(D$trt, levels = 1:0); D$u <- u[D$mrs + 1]
  both <- ave(D$trt, D$s, FUN = function(x) length(unique(x))) == 2   # coin refuses a stratum with one arm
  E <- droplevels(D[both, ])
  ve <- independence_test(mrs ~ t | s, data = E, teststat = "scalar", ytrafo = function(data)
    trafo(data, numeric_trafo = function(y) rank(y) / (length(y) + 1), block = E$s))
  put(nm, "van_elteren", "z", -sign(statistic(ve, "linear")[1] - expectation(ve)[1]) * abs(statistic(ve)), "coin::independence_test")
  for (cut in 0:5) { m <- tryCatch(mantelhaen.test(table(factor(D$trt, 1:0), factor(D$mrs <= cut, c(TRUE, FALSE)), D$s)[, , tabulate(D$s) > 1, drop = FALSE], correct = FALSE), error = function(e) NULL)
    if (is.null(m) || !is.finite(log(m$estimate))) next
    put(nm, "mantel_haenszel", sprintf("chi2_cut%d", cut), m$statistic, "mantelhaen.test")
    put(nm, "mantel_haenszel", sprintf("or_cut%d", cut), m$estimate, "mantelhaen.test")
    put(nm, "mantel_haenszel", sprintf("or_low_cut%d", cut), m$conf.int[1], "Robins-Breslow-Greenland")
    put(nm, "mantel_haenszel", sprintf("or_high_cut%d", cut), m$conf.int[2], "Robins-Breslow-Greenland") }
  for (equal in c(TRUE, FALSE)) { w <- t.test(D$u[D$trt == 1], D$u[D$trt == 0], var.equal = equal); m <- if (equal) "student" else "welch"
    put(nm, m, "difference", -diff(w$estimate), "t.test"); put(nm, m, "t", w$statistic, "t.test"); put(nm, m, "df", w$parameter, "t.test")
    put(nm, m, "p_two_sided", w$p.value, "t.test"); put(nm, m, "low", w$conf.int[1], "t.test"); put(nm, m, "high", w$conf.int[2], "t.test") }
  for (f in c("s", "x1 + x2 + x3")) { l <- lm(as.formula(paste("u ~ trt +", f)), data = D); c <- summary(l)$coefficients["trt", ]; m <- if (f == "s") "lm_strata" else "lm_factors"
    put(nm, m, "difference", c[1], "lm"); put(nm, m, "standard_error", c[2], "lm"); put(nm, m, "t", c[3], "lm"); put(nm, m, "p_two_sided", c[4], "lm"); put(nm, m, "df", l$df.residual, "lm")
    i <- confint(l)["trt", ]; put(nm, m, "low", i[1], "lm"); put(nm, m, "high", i[2], "lm") }
}
o <- do.call(rbind, rows); write.csv(o, "wins.csv", row.names = FALSE, quote = FALSE); cat(nrow(o), "rows\n")
