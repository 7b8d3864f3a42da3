use super::*;

mod golden;
mod properties;
mod rows;
mod table;
mod wordings;
