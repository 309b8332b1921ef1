//! Per-sample dynamic quantiser (SPEC R172-R175).
