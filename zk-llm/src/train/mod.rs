//! Quantisation-aware training and export to the integer graph.
