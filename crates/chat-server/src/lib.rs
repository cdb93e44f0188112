//! The house assembled: configuration, wiring, lifecycle, telemetry
