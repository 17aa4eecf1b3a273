//! Frames to line protocol.
