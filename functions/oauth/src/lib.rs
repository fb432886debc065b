//! HTTP: connect and callback.
