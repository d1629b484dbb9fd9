//! Judgement: what follows from the record, as functions of it and of the time.

pub mod coverage;
pub mod headcount;
pub mod rounds;
