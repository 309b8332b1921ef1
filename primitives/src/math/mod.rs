//! Pure fixed-point mathematics of the economy: no floats, no storage, no panic.
