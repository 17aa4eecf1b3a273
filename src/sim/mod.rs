//! Simulated InfluxDB Cloud and OSS.
