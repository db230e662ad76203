"""From footage to an expression timeline: windows over a stream, segments, files and pictures."""
