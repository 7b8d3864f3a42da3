//! Tests of the public interface: parity with golden values, properties, totality, simulations.

mod golden;
mod properties;
mod simulations;
mod totality;
