//! Trouble at every place, and what becomes of it.
