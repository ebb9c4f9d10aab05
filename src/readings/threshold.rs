//! From where on a figure asks for attention: one constant for the header, the tiles, the panes and the findings.
//!
//! Pure. Each subject's thresholds stand in its own file.

/// Two limits of a figure that is the worse the larger it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// From here on it asks for attention.
    pub warning: f64,
    /// From here on it hurts users, or is about to.
    pub critical: f64,
}

/// The limit that a figure has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReachedLimit {
    /// The first.
    Warning,
    /// The second.
    Critical,
}

impl Threshold {
    /// Returns the limit that a figure has reached; `None` below both.
    pub fn reached(self, figure: f64) -> Option<ReachedLimit> {
        if figure >= self.critical {
            Some(ReachedLimit::Critical)
        } else if figure >= self.warning {
            Some(ReachedLimit::Warning)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_from_its_figure_on() {
        let threshold = Threshold { warning: 2.0, critical: 5.0 };
        for (figure, reached) in
            [(1.9, None), (2.0, Some(ReachedLimit::Warning)), (5.0, Some(ReachedLimit::Critical)), (f64::NAN, None)]
        {
            assert_eq!(threshold.reached(figure), reached, "{figure}");
        }
    }
}
