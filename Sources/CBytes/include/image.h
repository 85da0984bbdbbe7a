#ifndef CBYTES_IMAGE_H
#define CBYTES_IMAGE_H

/// Forgets which pages of the program's own code are mapped: those still needed come back from the page cache at once.
void image_release(void);

#endif
