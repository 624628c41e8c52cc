//! Scenarios of the decision.
