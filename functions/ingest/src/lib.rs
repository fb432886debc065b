//! HTTP: liveprompt's events, verified, stored and queued.
