//! Nothing: the guests are this package's examples, one for each snapshot.
