//! The binary as its users meet it: arguments, the ready line, commands against a running cloud, and the control
//! API's refusals beside what it allows. Each test has its own runtime directory, so none sees another's cloud.

mod commands;
mod control;
mod fixture;
mod place;
mod starting;
mod why;
