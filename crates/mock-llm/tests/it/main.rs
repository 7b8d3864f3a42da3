
#[cfg(test)]
mod client;
mod in_process;
mod raw;
