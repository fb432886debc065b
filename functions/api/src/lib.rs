//! HTTP: connections and deliveries.
