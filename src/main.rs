//! The command line of rescuesim.

fn main() {}
