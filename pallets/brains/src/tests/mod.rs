mod genesis;
mod issue;
mod settings;
mod task;
mod transfer;
