//! Tests of the public interface: parity with golden values, properties, totality, simulations.

mod documented;
mod golden;
mod properties;
mod simulations;
mod totality;
