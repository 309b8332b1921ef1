mod conservation;
mod rewards;
mod stake;
mod sweep;
mod take;
mod unstake;
