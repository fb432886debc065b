//! The whole hub on one machine, for development and tests: the functions' own routers and handlers
//! over an embedded AWS and fake CRMs. Nothing here is deployed.

pub mod addresses;
pub mod audit;
mod batch;
pub mod bench;
pub mod demo;
mod found;
pub mod issuer;
pub mod lambda;
pub mod openapi;
pub mod ports;
pub mod redrive;
pub mod sample;
pub mod sandbox;
pub mod stack;
pub mod surroundings;
mod tasks;
mod terminal;
mod visitor;
