"""The motion side: pictures to gestures."""
