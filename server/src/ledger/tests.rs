//! Closing days, and finding what was done to them afterwards.
