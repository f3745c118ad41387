//! The one integration binary: the real functions, asked as their callers ask them.

mod tools;
