//! One pane a file: what to show, which keys, how it is drawn.
