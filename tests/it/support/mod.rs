//! What several test modules share.

pub(crate) mod cases;
pub(crate) mod dashboard;
pub(crate) mod digest;

pub(crate) mod exchanges;

pub(crate) mod golden;

pub(crate) mod influx_write;

pub(crate) mod influxd;

pub(crate) mod kept;
pub(crate) mod need;

pub(crate) mod random;

pub(crate) mod rig;

pub(crate) mod process;

pub(crate) mod stores;

pub(crate) mod proxy;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod scripted;
pub(crate) mod tls;
pub(crate) mod virtual_time;

pub(crate) use exchanges::golden;
