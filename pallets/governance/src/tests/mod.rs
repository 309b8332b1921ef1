mod brake;
mod closing;
mod conservation;
mod enactment;
mod gigabrains;
mod pepecoin;
mod proposing;
mod voting;
