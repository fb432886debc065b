//! End to end: event in, record in the fake CRM out.
