mod conservation;
mod migration;
mod rewards;
mod slashing;
mod stake;
mod sweep;
mod take;
mod unstake;
