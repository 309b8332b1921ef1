mod conservation;
mod rewards;
mod stake;
mod take;
mod unstake;
