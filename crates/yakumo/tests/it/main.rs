//! The binary as its users meet it: arguments, the ready line, commands against a running cloud, and the control
//! API's refusals beside what it allows. Each test has its own runtime directory, so none sees another's cloud.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod control;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod networks;
#[cfg(test)]
mod place;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod why;
