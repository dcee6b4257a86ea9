//! End-to-end tests and tests against reference values, in one binary.

mod architecture;
mod bad_designs;
mod bad_input;
mod bad_procedures;
mod calibration;
mod checked;
mod command_line;
mod design_command;
mod exploring;
mod monitor_command;
mod operating_characteristics;
mod pooling;
mod prior;
mod procedure_laws;
mod procedures;
mod random_procedures;
mod random_scenarios;
mod reference_boundaries;
mod reference_estimation;
mod reference_operating;
mod reference_ordinal;
mod reference_pooling;
mod reference_wins;
mod reproducibility;
mod scenarios;
mod util;
