#![doc = include_str!("../README.md")]

pub mod clients;
pub mod error;
pub mod queues;
pub mod seal;
pub mod seams;
pub mod store;
pub mod vault;

pub use clients::{Clients, Parts};
pub use error::AwsError;
pub use queues::{Outgoing, Queues};
pub use seal::{KeyRing, SealingKey};
pub use seams::{Clock, Entropy};
pub use store::Store;
pub use vault::Vault;
