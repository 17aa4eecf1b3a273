//! Listens to events and prints.
