// The functions of the C library that the physics needs, so that no C library has to be linked.
#pragma once

double sine(double x);
double cosine(double x);
double hyperbolic_tangent(double x);
