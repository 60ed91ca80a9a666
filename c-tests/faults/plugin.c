/* A library that is loaded and removed. */
const char greeting[4096] = "hello";

int seven(void) { return 7; }
