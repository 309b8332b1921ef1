mod commitments;
mod metrics;
mod parameters;
mod random;
mod scores;
mod voices;
