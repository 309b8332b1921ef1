mod conservation;
mod rewards;
mod slashing;
mod stake;
mod take;
mod unstake;
