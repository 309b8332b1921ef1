mod conservation;
mod rewards;
mod slashing;
mod stake;
mod sweep;
mod take;
mod unstake;
