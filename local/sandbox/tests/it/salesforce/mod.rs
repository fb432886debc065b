//! What surprises people about Salesforce; its other stories are one level up.

mod warnings;
