"""From a source to windows: reading, conditioning, resampling, ring buffer, time stamps."""
