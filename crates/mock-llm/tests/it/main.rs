//! Both fronts over the loopback interface, and the examples of the documentation.

#[cfg(test)]
mod client;
mod documentation;
mod in_process;
mod raw;
