mod bootstrap;
mod candidates;
mod election;
mod offences;
mod silence;
